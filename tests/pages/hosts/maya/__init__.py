"""A stand-in for Maya's modules: the few names that the documentation uses, as Autodesk's help describes them."""
