# A network of our own: nothing in it has a public address, and the way out is a NAT.
resource "google_compute_network" "this" {
  project                 = var.project
  name                    = "fit"
  auto_create_subnetworks = false
  depends_on              = [google_project_service.needed]
}

resource "google_compute_subnetwork" "this" {
  project                  = var.project
  name                     = "fit"
  region                   = var.region
  network                  = google_compute_network.this.id
  ip_cidr_range            = "10.20.0.0/24"
  private_ip_google_access = true
}

resource "google_compute_router" "this" {
  project = var.project
  name    = "fit"
  region  = var.region
  network = google_compute_network.this.id
}

resource "google_compute_router_nat" "this" {
  project                            = var.project
  name                               = "fit"
  region                             = var.region
  router                             = google_compute_router.this.name
  nat_ip_allocate_option             = "AUTO_ONLY"
  source_subnetwork_ip_ranges_to_nat = "ALL_SUBNETWORKS_ALL_IP_RANGES"
}

# The Dagster UI, on Cloud Run, asks the code server on the orchestrator.
resource "google_compute_firewall" "code_server" {
  project       = var.project
  name          = "fit-code-server"
  network       = google_compute_network.this.id
  direction     = "INGRESS"
  source_ranges = [google_compute_subnetwork.this.ip_cidr_range]
  target_tags   = ["fit-orchestrator"]
  allow {
    protocol = "tcp"
    ports    = ["4000"]
  }
}

# `gcloud compute ssh --tunnel-through-iap`: Google's own address range, behind a sign-in.
resource "google_compute_firewall" "ssh_by_iap" {
  project       = var.project
  name          = "fit-ssh-by-iap"
  network       = google_compute_network.this.id
  direction     = "INGRESS"
  source_ranges = ["35.235.240.0/20"]
  target_tags   = ["fit-orchestrator"]
  allow {
    protocol = "tcp"
    ports    = ["22"]
  }
}

# The range in which Cloud SQL gets its private address.
resource "google_compute_global_address" "sql" {
  project       = var.project
  name          = "fit-sql"
  purpose       = "VPC_PEERING"
  address_type  = "INTERNAL"
  prefix_length = 20
  network       = google_compute_network.this.id
}

resource "google_service_networking_connection" "sql" {
  network                 = google_compute_network.this.id
  service                 = "servicenetworking.googleapis.com"
  reserved_peering_ranges = [google_compute_global_address.sql.name]
}
