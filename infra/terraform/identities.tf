# One service account for each thing that runs, and what it may do in the whole project. Rights on one bucket, dataset
# or secret are beside that bucket, dataset or secret. Nobody is owner or editor, and no account has a key.
locals {
  accounts = {
    ingest    = "Code server and daemon: pulls, lands, loads and publishes."
    transform = "dbt, by impersonation: reads base tables, builds marts."
    receiver  = "Webhook receiver: writes change events."
    webserver = "Dagster UI: reads Dagster's database and logs."
    dashboard = "A dashboard beside the orchestrator's own: reads the published marts."
    migrator  = "The job that migrates Dagster's database."
    bi-reader = "BI tools: read the published marts."
    pinger    = "Cloud Scheduler: keeps the receiver warm."
    deployer  = "GitHub Actions: pushes images and deploys them."
  }
}

resource "google_service_account" "of" {
  for_each     = local.accounts
  project      = var.project
  account_id   = "fit-${each.key}"
  display_name = each.value
}

locals {
  # jobUser may run queries, and sees no data by that. `user` may also make datasets: the scratch dataset is made anew
  # by the load where somebody removed it.
  project_roles = [
    ["ingest", "roles/bigquery.user"],
    ["transform", "roles/bigquery.jobUser"],
    ["dashboard", "roles/bigquery.jobUser"],
    ["bi-reader", "roles/bigquery.jobUser"],
    ["ingest", "roles/logging.logWriter"],
    ["ingest", "roles/monitoring.metricWriter"],
  ]
}

resource "google_project_iam_member" "project_role" {
  for_each = { for pair in local.project_roles : "${pair[0]} ${pair[1]}" => pair }
  project  = var.project
  role     = each.value[1]
  member   = google_service_account.of[each.value[0]].member
}

# dbt runs in the process of ingest, and with the rights of transform (FIT_BIGQUERY_TRANSFORM_ACCOUNT).
resource "google_service_account_iam_member" "ingest_as_transform" {
  service_account_id = google_service_account.of["transform"].name
  role               = "roles/iam.serviceAccountTokenCreator"
  member             = google_service_account.of["ingest"].member
}

resource "google_service_account_iam_member" "bi_readers" {
  for_each           = toset(var.bi_readers)
  service_account_id = google_service_account.of["bi-reader"].name
  role               = "roles/iam.serviceAccountTokenCreator"
  member             = each.value
}
