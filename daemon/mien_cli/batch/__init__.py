"""A run over many pictures: what is read, what results are called, the journal, the workers, the reports."""
