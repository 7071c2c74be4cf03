"""The commands of `mien`: a name here is a module beside this file, and a hyphen is an underscore there.

A module has `add_arguments(parser)`, which also sets `run`, and may have `DESCRIPTION`, for more than its summary.
"""

# Name → its line in `mien --help`, in that order: first what a newcomer wants, last what keeps Mien running.
SUMMARIES = {
    "demo": "swap two public-domain portraits",
    "swap": "put a reference face into a target picture or clip",
    "batch": "put a reference face into every picture of a folder",
    "clip": "who is in a clip, before it is swapped",
    "restore": "repair skin detail without changing the face (Vivid)",
    "engines": "every engine: ready, or what it lacks",
    "models": "the model store",
    "references": "the consented reference library",
    "verify": "what a picture or a clip says about itself",
    "credentials": "the certificate that signs results",
    "serve": "the daemon",
    "jobs": "the queue of the running daemon",
    "pair": "let a browser talk to the daemon",
    "clients": "who may talk to the daemon",
    "token": "tokens for scripts",
    "mcp": "the daemon as tools for a language model",
    "plan": "what runs on this machine, and the memory plan of an engine",
    "bench": "the benchmark",
    "compare": "one face on one picture by several engines, side by side",
    "evaluate": "what is claimed of the engines, measured",
    "open": "the console page in the default browser",
    "doctor": "what is installed, missing, misconfigured",
    "completion": "the script with which a shell completes these words",
    "forget-all": "remove everything personal that Mien keeps",
}
