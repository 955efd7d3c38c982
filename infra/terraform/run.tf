# Cloud Run: the receiver, which is public; the Dagster UI, which is not; the job that migrates Dagster's database.
locals {
  # What every process of the platform is told. Names: docs/reference.md.
  environment = {
    FIT_TARGET                     = "gcp"
    FIT_GCP_PROJECT                = var.project
    FIT_LANDING_URL                = "gs://${google_storage_bucket.landing.name}/landing"
    FIT_BIGQUERY_LOCATION          = var.bigquery_location
    FIT_BIGQUERY_DATASET_PREFIX    = var.dataset_prefix
    FIT_BIGQUERY_TRANSFORM_ACCOUNT = google_service_account.of["transform"].email
    FIT_TOKEN_STORE                = "secret-manager"
    FIT_SECRET_PREFIX              = var.secret_prefix
    FIT_STRAVA_API_RETENTION_DAYS  = var.strava_api_retention_days
    FIT_POLAR_CLIENT_ID            = var.client_ids.polar
    FIT_STRAVA_CLIENT_ID           = var.client_ids.strava
    FIT_FITBIT_CLIENT_ID           = var.client_ids.fitbit
    FIT_FITBIT_WEBHOOK_PROJECT     = data.google_project.this.number
    FIT_INSTANCE_HOME              = "/opt/fit/dagster/google-cloud"
    DAGSTER_HOME                   = "/opt/fit/dagster/google-cloud"
    DAGSTER_LOG_BUCKET             = google_storage_bucket.logs.name
  }
  postgres = {
    DAGSTER_PG_HOST          = google_sql_database_instance.dagster.private_ip_address
    DAGSTER_PG_PORT          = "5432"
    DAGSTER_PG_DB            = google_sql_database.dagster.name
    DAGSTER_CODE_SERVER_HOST = google_compute_address.orchestrator.address
  }
}

resource "google_cloud_run_v2_service" "receiver" {
  project             = var.project
  name                = "fit-receiver"
  location            = var.region
  ingress             = "INGRESS_TRAFFIC_ALL"
  deletion_protection = true

  template {
    service_account                  = google_service_account.of["receiver"].email
    max_instance_request_concurrency = 80
    timeout                          = "30s"

    scaling {
      min_instance_count = 0
      max_instance_count = 3
    }

    containers {
      image = var.image
      args  = ["receiver"]

      dynamic "env" {
        for_each = {
          FIT_GCP_PROJECT          = local.environment.FIT_GCP_PROJECT
          FIT_LANDING_URL          = local.environment.FIT_LANDING_URL
          FIT_WEBHOOK_SECRETS_FILE = "/secrets/webhooks/secrets.json"
          FIT_HOME                 = "/tmp/fit"
        }
        content {
          name  = env.key
          value = env.value
        }
      }

      dynamic "env" {
        for_each = var.has_strava_signing_key ? ["strava-webhook-signing-key"] : []
        content {
          name = local.secrets[env.value].becomes
          value_source {
            secret_key_ref {
              secret  = google_secret_manager_secret.of[env.value].secret_id
              version = "latest"
            }
          }
        }
      }

      ports {
        container_port = 8090
      }

      resources {
        limits            = { cpu = "1", memory = "512Mi" }
        cpu_idle          = true
        startup_cpu_boost = true # Strava waits two seconds, also at the first event of the day
      }

      startup_probe {
        period_seconds    = 2
        failure_threshold = 30
        http_get {
          path = "/healthz"
          port = 8090
        }
      }

      liveness_probe {
        period_seconds = 30
        http_get {
          path = "/healthz"
          port = 8090
        }
      }

      volume_mounts {
        name       = "webhooks"
        mount_path = "/secrets/webhooks"
      }
    }

    volumes {
      name = "webhooks"
      secret {
        secret = google_secret_manager_secret.of["webhook-secrets"].secret_id
        items {
          path    = "secrets.json"
          version = "latest"
        }
      }
    }
  }

  lifecycle {
    ignore_changes = [template[0].containers[0].image, client, client_version]
  }
  depends_on = [google_secret_manager_secret_iam_member.reader]
}

# The one thing that everybody may reach: it believes nobody without a secret path and a signature.
resource "google_cloud_run_v2_service_iam_member" "receiver_is_public" {
  project  = var.project
  location = var.region
  name     = google_cloud_run_v2_service.receiver.name
  role     = "roles/run.invoker"
  member   = "allUsers"
}

resource "google_cloud_run_v2_service" "webserver" {
  project             = var.project
  name                = "fit-webserver"
  location            = var.region
  ingress             = "INGRESS_TRAFFIC_ALL" # but only with a signed-in person's token: see the members below
  deletion_protection = true

  template {
    service_account = google_service_account.of["webserver"].email
    timeout         = "300s"

    scaling {
      min_instance_count = 0
      max_instance_count = 1
    }

    vpc_access {
      egress = "PRIVATE_RANGES_ONLY"
      network_interfaces {
        network    = google_compute_network.this.id
        subnetwork = google_compute_subnetwork.this.id
      }
    }

    containers {
      image = var.image
      args  = ["webserver"]

      dynamic "env" {
        for_each = merge(local.postgres, {
          DAGSTER_HOME        = local.environment.DAGSTER_HOME
          DAGSTER_LOG_BUCKET  = local.environment.DAGSTER_LOG_BUCKET
          DAGSTER_PG_USERNAME = "webserver"
        })
        content {
          name  = env.key
          value = env.value
        }
      }

      env {
        name = "DAGSTER_PG_PASSWORD"
        value_source {
          secret_key_ref {
            secret  = google_secret_manager_secret.of["postgres-webserver"].secret_id
            version = "latest"
          }
        }
      }

      ports {
        container_port = 3000
      }

      resources {
        limits = { cpu = "1", memory = "1Gi" }
      }

      startup_probe {
        period_seconds    = 5
        failure_threshold = 48
        http_get {
          path = "/server_info"
          port = 3000
        }
      }
    }
  }

  lifecycle {
    ignore_changes = [template[0].containers[0].image, client, client_version]
  }
  depends_on = [google_secret_manager_secret_iam_member.reader]
}

resource "google_cloud_run_v2_service_iam_member" "webserver" {
  for_each = toset(var.people)
  project  = var.project
  location = var.region
  name     = google_cloud_run_v2_service.webserver.name
  role     = "roles/run.invoker"
  member   = each.value
}

resource "google_cloud_run_v2_job" "migrate" {
  project             = var.project
  name                = "fit-migrate"
  location            = var.region
  deletion_protection = false

  template {
    task_count = 1
    template {
      service_account = google_service_account.of["migrator"].email
      timeout         = "900s"
      max_retries     = 1

      vpc_access {
        egress = "PRIVATE_RANGES_ONLY"
        network_interfaces {
          network    = google_compute_network.this.id
          subnetwork = google_compute_subnetwork.this.id
        }
      }

      containers {
        image = var.image
        args  = ["migrate"]

        dynamic "env" {
          for_each = merge(local.postgres, {
            DAGSTER_HOME        = local.environment.DAGSTER_HOME
            DAGSTER_LOG_BUCKET  = local.environment.DAGSTER_LOG_BUCKET
            DAGSTER_PG_USERNAME = "migrator"
          })
          content {
            name  = env.key
            value = env.value
          }
        }

        env {
          name = "DAGSTER_PG_PASSWORD"
          value_source {
            secret_key_ref {
              secret  = google_secret_manager_secret.of["postgres-migrator"].secret_id
              version = "latest"
            }
          }
        }

        resources {
          limits = { cpu = "1", memory = "1Gi" }
        }
      }
    }
  }

  lifecycle {
    ignore_changes = [template[0].template[0].containers[0].image, client, client_version]
  }
  depends_on = [google_secret_manager_secret_iam_member.reader]
}

# A first event after a quiet night must not wait for a cold start longer than the two seconds that Strava gives.
resource "google_cloud_scheduler_job" "warm" {
  project          = var.project
  name             = "fit-receiver-warm"
  region           = var.region
  schedule         = "*/5 * * * *"
  time_zone        = "Etc/UTC"
  attempt_deadline = "30s"
  depends_on       = [google_project_service.needed]

  http_target {
    http_method = "GET"
    uri         = "${google_cloud_run_v2_service.receiver.uri}/health" # Cloud Run keeps paths that end in z to itself
    oidc_token {
      service_account_email = google_service_account.of["pinger"].email
    }
  }
}
