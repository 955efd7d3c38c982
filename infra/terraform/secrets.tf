# Secrets that people put in once: Terraform makes the empty secret and names its one reader, and never sees the value.
# Athletes' tokens are secrets too, made by the platform itself (FIT_TOKEN_STORE=secret-manager).
locals {
  secrets = {
    # name = the variable or file that it becomes, and the one who reads it
    polar-client-secret        = { becomes = "FIT_POLAR_CLIENT_SECRET", reader = "ingest" }
    strava-client-secret       = { becomes = "FIT_STRAVA_CLIENT_SECRET", reader = "ingest" }
    fitbit-client-secret       = { becomes = "FIT_FITBIT_CLIENT_SECRET", reader = "ingest" }
    secret-key                 = { becomes = "FIT_SECRET_KEY", reader = "ingest" }
    alert-slack-url            = { becomes = "FIT_ALERT_SLACK_URL", reader = "ingest" }
    alert-smtp-url             = { becomes = "FIT_ALERT_SMTP_URL", reader = "ingest" }
    webhook-secrets            = { becomes = "FIT_WEBHOOK_SECRETS_FILE", reader = "receiver" }
    strava-webhook-signing-key = { becomes = "FIT_STRAVA_WEBHOOK_SIGNING_KEY", reader = "receiver" }
    postgres-ingest            = { becomes = "DAGSTER_PG_PASSWORD", reader = "ingest" }
    postgres-webserver         = { becomes = "DAGSTER_PG_PASSWORD", reader = "webserver" }
    postgres-migrator          = { becomes = "DAGSTER_PG_PASSWORD", reader = "migrator" }
  }
}

resource "google_secret_manager_secret" "of" {
  for_each  = local.secrets
  project   = var.project
  secret_id = "platform-${each.key}" # outside of `secret_prefix`, so that the right on tokens does not reach these
  labels    = { app = "fit-platform" }
  replication {
    auto {}
  }
}

resource "google_secret_manager_secret_iam_member" "reader" {
  for_each  = local.secrets
  project   = var.project
  secret_id = google_secret_manager_secret.of[each.key].secret_id
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.of[each.value.reader].member
}

# Tokens: ingest alone makes, reads, renews and removes them, and only those.
resource "google_project_iam_member" "tokens" {
  project = var.project
  role    = "roles/secretmanager.admin"
  member  = google_service_account.of["ingest"].member
  condition {
    title      = "athletes' tokens only"
    expression = "resource.name.startsWith('projects/${data.google_project.this.number}/secrets/${var.secret_prefix}-')"
  }
}

# Making a secret is asked of the project, which has no such name.
resource "google_project_iam_custom_role" "secret_maker" {
  project     = var.project
  role_id     = "fitSecretMaker"
  title       = "Makes secrets, reads none"
  permissions = ["secretmanager.secrets.create"]
}

resource "google_project_iam_member" "secret_maker" {
  project = var.project
  role    = google_project_iam_custom_role.secret_maker.name
  member  = google_service_account.of["ingest"].member
}
