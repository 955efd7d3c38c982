"""How long data are kept, and how they go: retention, revocation, erasure, each with a receipt. No dagster here."""
