"""The pages: one folder each, of routes and templates. `app.create_app` lists them."""
