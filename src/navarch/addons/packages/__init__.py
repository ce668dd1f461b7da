"""The add-ons, one folder each. `addons.package` says what a folder holds; `addons.catalogue` finds it by itself."""
