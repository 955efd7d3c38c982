"""Athletes, their connections to providers, and the custody of tokens. No dagster here."""
