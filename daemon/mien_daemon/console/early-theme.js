// Before the first paint, so that a person who chose dark never sees a white flash. A classic script: it must not wait.
document.documentElement.dataset.theme = localStorage.getItem("mien.theme") ?? "auto";
