"""The add-ons that every cluster has, one folder each: a Helm chart. `addons.package` says what it tells Navarch;
`addons.catalogue` finds it by itself."""
