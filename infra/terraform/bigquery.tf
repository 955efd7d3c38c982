# The datasets, by layer, and who may write and read each. Tables are made by the load and by dbt.
locals {
  datasets = {
    base         = "Typed rows of the providers' answers, one table a kind of record, partitioned by day."
    ops          = "What is loaded, what could not be loaded, and what is built."
    scratch      = "Tables of loads under way; they vanish by themselves after 24 hours."
    staging      = "Base tables with one name and unit for the same thing: views, made by dbt."
    intermediate = "Steps between staging and marts, made by dbt."
    marts        = "The marts as they were built last, checked or not. Readers are given the dataset `published`."
    published    = "The marts for readers: replaced whole in one transaction after green checks."
  }
  dataset_roles = concat(
    # loads, publishes, and empties what is built anew from the landing zone
    [for schema in keys(local.datasets) : [schema, "ingest", "roles/bigquery.dataEditor"]],
    # the SQL of the models can neither change what was loaded nor what readers see
    [for schema in ["staging", "intermediate", "marts"] : [schema, "transform", "roles/bigquery.dataEditor"]],
    [for schema in ["base", "ops"] : [schema, "transform", "roles/bigquery.dataViewer"]],
    [for account in ["dashboard", "bi-reader"] : ["published", account, "roles/bigquery.dataViewer"]],
  )
}

resource "google_bigquery_dataset" "of" {
  for_each                    = local.datasets
  project                     = var.project
  dataset_id                  = "${var.dataset_prefix}${each.key}"
  description                 = each.value
  location                    = var.bigquery_location
  default_table_expiration_ms = each.key == "scratch" ? 24 * 3600 * 1000 : null
  max_time_travel_hours       = 48 # an erased athlete is out of reach after two days
  labels                      = { app = "fit-platform" }
}

resource "google_bigquery_dataset_iam_member" "of" {
  for_each   = { for role in local.dataset_roles : join(" ", role) => role }
  project    = var.project
  dataset_id = google_bigquery_dataset.of[each.value[0]].dataset_id
  role       = each.value[2]
  member     = google_service_account.of[each.value[1]].member
}
