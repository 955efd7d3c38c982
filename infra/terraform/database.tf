# Dagster's database: runs, events, schedules. No health data, no secrets. Its users are made by hand: docs/deploy.md.
resource "google_sql_database_instance" "dagster" {
  project             = var.project
  name                = "fit-dagster"
  region              = var.region
  database_version    = "POSTGRES_15"
  deletion_protection = true
  depends_on          = [google_service_networking_connection.sql]

  settings {
    tier              = "db-f1-micro"
    edition           = "ENTERPRISE"
    availability_type = "ZONAL"
    disk_autoresize   = true

    ip_configuration {
      ipv4_enabled    = false
      private_network = google_compute_network.this.id
      ssl_mode        = "ENCRYPTED_ONLY"
    }

    backup_configuration {
      enabled                        = true
      start_time                     = "02:00"
      point_in_time_recovery_enabled = true
    }

    database_flags {
      name  = "max_connections"
      value = "100"
    }
  }
}

resource "google_sql_database" "dagster" {
  project  = var.project
  name     = "dagster"
  instance = google_sql_database_instance.dagster.name
}
