"""Weight files: what there is, where it comes from, where it is kept. Knows no face and no engine.

`store.ModelStore` is all that other packages need. Below it, `catalogue` says what exists, `remote` fetches it,
`local` keeps it, and `exchange` takes it from and gives it to folders of other programs and machines.
"""
