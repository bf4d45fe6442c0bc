"""A house that behaves like one, with the truth beside it.

Read in this order: `devices` (what there is), `plan` (a day of the family), `weather`, `climate` and
`appliances` (physics), `house` (one step of it all), `faults`; then how it gets out: `families` (each
device's language), `sink` and its kinds (`mqtt` over `client`, `http`, `coap`, `files`), and `command`, which
paces them. `demo` is the demonstration's home and `past` its days before.
"""
