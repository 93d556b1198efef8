"""Published data sets: their definitions, and how they are loaded, checked, split and held against each other.

The ground floor of the data room: no torch, imports in milliseconds (`datasets` is loaded on first need).

definition says what a set is; load reads it, from a folder or the hub; hygiene finds unusable rows and verify
checks what can be checked; source makes a training source of a set; overlap finds benchmark questions in it;
export writes a set to a folder. fields, code, mbpp and gym serve data/*.py. r1rl.catalogue knows all sets by name.
"""
