# The landing zone, and Dagster's logs.
resource "google_storage_bucket" "landing" {
  project                     = var.project
  name                        = "${var.project}-fit-landing"
  location                    = var.region
  storage_class               = "STANDARD"
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"

  versioning {
    enabled = true # the landing zone's history
  }

  # Soft delete would keep what an athlete had erased; versions are what brings an accident back, and we can purge them.
  soft_delete_policy {
    retention_duration_seconds = 0
  }

  # Raw days are written, loaded, and then read again by a rebuild only.
  dynamic "lifecycle_rule" {
    for_each = { NEARLINE = 90, COLDLINE = 365, ARCHIVE = 1095 }
    content {
      action {
        type          = "SetStorageClass"
        storage_class = lifecycle_rule.key
      }
      condition {
        age            = lifecycle_rule.value
        matches_prefix = ["landing/raw/"]
      }
    }
  }

  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      days_since_noncurrent_time = 365
    }
  }

  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      age            = 30
      matches_prefix = ["landing/inbox/_done/"]
    }
  }

  lifecycle_rule {
    action {
      type = "AbortIncompleteMultipartUpload"
    }
    condition {
      age = 7
    }
  }

  lifecycle {
    prevent_destroy = true
  }
}

resource "google_storage_bucket" "logs" {
  project                     = var.project
  name                        = "${var.project}-fit-logs"
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"

  versioning {
    enabled = false
  }

  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      age = 90 # as long as Dagster keeps failed ticks
    }
  }
}

resource "google_storage_bucket_iam_member" "ingest_landing" {
  bucket = google_storage_bucket.landing.name
  role   = "roles/storage.objectUser" # objects only: cannot open the bucket to others
  member = google_service_account.of["ingest"].member
}

resource "google_storage_bucket_iam_member" "ingest_landing_bucket" {
  bucket = google_storage_bucket.landing.name
  role   = "roles/storage.legacyBucketReader" # `fit-platform doctor` looks at versioning and location
  member = google_service_account.of["ingest"].member
}

# Reads who is linked, and writes change events; sees none of the data.
resource "google_storage_bucket_iam_member" "receiver_landing" {
  for_each = { inbox = "roles/storage.objectUser", accounts = "roles/storage.objectViewer" }
  bucket   = google_storage_bucket.landing.name
  role     = each.value
  member   = google_service_account.of["receiver"].member
  condition {
    title      = "only ${each.key}"
    expression = "resource.name.startsWith('projects/_/buckets/${var.project}-fit-landing/objects/landing/${each.key}/')"
  }
}

resource "google_storage_bucket_iam_member" "receiver_listing" {
  bucket = google_storage_bucket.landing.name
  role   = google_project_iam_custom_role.lister.name # a listing is asked of the bucket, not of an object
  member = google_service_account.of["receiver"].member
}

resource "google_project_iam_custom_role" "lister" {
  project     = var.project
  role_id     = "fitObjectLister"
  title       = "Lists the names of objects"
  permissions = ["storage.objects.list"]
}

resource "google_storage_bucket_iam_member" "logs" {
  for_each = { ingest = "roles/storage.objectUser", webserver = "roles/storage.objectViewer" }
  bucket   = google_storage_bucket.logs.name
  role     = each.value
  member   = google_service_account.of[each.key].member
}

resource "google_storage_bucket_iam_member" "logs_bucket" {
  for_each = toset(["ingest", "webserver", "migrator"])
  bucket   = google_storage_bucket.logs.name
  role     = "roles/storage.legacyBucketReader" # whoever opens Dagster's instance is asked whether there is a bucket
  member   = google_service_account.of[each.key].member
}
