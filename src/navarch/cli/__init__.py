"""The command `navarch`: people's way in. Everything it does, it does through `navarch.client`."""
