# The orchestrator: one small machine with the code server and Dagster's daemon. It is one, and a machine, because
# FIT_HOME (connections, quota, what is linked) is a folder with locks, and Cloud Run's mounts have none.
resource "google_compute_disk" "home" {
  project = var.project
  name    = "fit-home"
  zone    = var.zone
  type    = "pd-balanced"
  size    = 20
  lifecycle {
    prevent_destroy = true
  }
}

resource "google_compute_resource_policy" "daily" {
  project = var.project
  name    = "fit-home-daily"
  region  = var.region
  snapshot_schedule_policy {
    schedule {
      daily_schedule {
        days_in_cycle = 1
        start_time    = "02:00"
      }
    }
    retention_policy {
      max_retention_days    = 14 # an erased athlete is out of the backups after this time
      on_source_disk_delete = "APPLY_RETENTION_POLICY"
    }
  }
}

resource "google_compute_disk_resource_policy_attachment" "daily" {
  project = var.project
  name    = google_compute_resource_policy.daily.name
  disk    = google_compute_disk.home.name
  zone    = var.zone
}

resource "google_compute_address" "orchestrator" {
  project      = var.project
  name         = "fit-orchestrator"
  region       = var.region
  subnetwork   = google_compute_subnetwork.this.id
  address_type = "INTERNAL"
  address      = cidrhost(google_compute_subnetwork.this.ip_cidr_range, 10)
}

resource "google_compute_instance" "orchestrator" {
  project                   = var.project
  name                      = "fit-orchestrator"
  zone                      = var.zone
  machine_type              = "e2-standard-2"
  tags                      = ["fit-orchestrator"]
  allow_stopping_for_update = true

  boot_disk {
    initialize_params {
      image = "cos-cloud/cos-stable"
    }
  }

  attached_disk {
    source      = google_compute_disk.home.id
    device_name = "fit-home"
  }

  network_interface {
    subnetwork = google_compute_subnetwork.this.id
    network_ip = google_compute_address.orchestrator.address
  }

  service_account {
    email  = google_service_account.of["ingest"].email
    scopes = ["cloud-platform"]
  }

  shielded_instance_config {
    enable_secure_boot = true
  }

  metadata = {
    block-project-ssh-keys = "true"
    enable-oslogin         = "true"
    google-logging-enabled = "true"
    fit-image              = var.image
    user-data = templatefile("${path.module}/orchestrator.yaml.tftpl", {
      registry = "${var.region}-docker.pkg.dev"
      secrets = {
        for name, each in local.secrets : "platform-${name}" => each.becomes
        if each.reader == "ingest"
      }
      project = var.project
      environment = merge(var.settings, local.environment, local.postgres, {
        DAGSTER_PG_USERNAME = "dagster"
        FIT_HOME            = "/fit"
      })
    })
  }

  lifecycle {
    ignore_changes = [metadata["fit-image"]] # CI sets it; the machine then fetches the image by itself
  }
}
