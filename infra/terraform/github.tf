# GitHub Actions signs in with its own identity token: there is no key to keep, and only the main branch may deploy.
resource "google_iam_workload_identity_pool" "github" {
  project                   = var.project
  workload_identity_pool_id = "fit-github"
  display_name              = "GitHub Actions"
}

resource "google_iam_workload_identity_pool_provider" "github" {
  project                            = var.project
  workload_identity_pool_id          = google_iam_workload_identity_pool.github.workload_identity_pool_id
  workload_identity_pool_provider_id = "github"
  attribute_condition                = "assertion.repository == '${var.github_repository}' && assertion.ref == 'refs/heads/main'"
  attribute_mapping = {
    "google.subject"       = "assertion.sub"
    "attribute.repository" = "assertion.repository"
  }
  oidc {
    issuer_uri = "https://token.actions.githubusercontent.com"
  }
}

resource "google_service_account_iam_member" "github_as_deployer" {
  service_account_id = google_service_account.of["deployer"].name
  role               = "roles/iam.workloadIdentityUser"
  member             = "principalSet://iam.googleapis.com/${google_iam_workload_identity_pool.github.name}/attribute.repository/${var.github_repository}"
}

resource "google_artifact_registry_repository_iam_member" "deployer_pushes" {
  project    = var.project
  location   = var.region
  repository = google_artifact_registry_repository.images.name
  role       = "roles/artifactregistry.writer"
  member     = google_service_account.of["deployer"].member
}

resource "google_cloud_run_v2_service_iam_member" "deployer" {
  for_each = {
    receiver  = google_cloud_run_v2_service.receiver.name
    webserver = google_cloud_run_v2_service.webserver.name
  }
  project  = var.project
  location = var.region
  name     = each.value
  role     = "roles/run.developer"
  member   = google_service_account.of["deployer"].member
}

resource "google_cloud_run_v2_job_iam_member" "deployer" {
  project  = var.project
  location = var.region
  name     = google_cloud_run_v2_job.migrate.name
  role     = "roles/run.developer"
  member   = google_service_account.of["deployer"].member
}

# To deploy a service is to act as its account.
resource "google_service_account_iam_member" "deployer_acts_as" {
  for_each           = toset(["receiver", "webserver", "migrator", "ingest"])
  service_account_id = google_service_account.of[each.value].name
  role               = "roles/iam.serviceAccountUser"
  member             = google_service_account.of["deployer"].member
}

# Tells the orchestrator which image to run: its metadata, and nothing else of Compute Engine.
resource "google_project_iam_custom_role" "image_setter" {
  project     = var.project
  role_id     = "fitImageSetter"
  title       = "Sets the image of the orchestrator"
  permissions = ["compute.instances.get", "compute.instances.setMetadata"]
}

resource "google_compute_instance_iam_member" "deployer" {
  project       = var.project
  zone          = var.zone
  instance_name = google_compute_instance.orchestrator.name
  role          = google_project_iam_custom_role.image_setter.name
  member        = google_service_account.of["deployer"].member
}

# `gcloud` waits for the change of metadata, which is an operation of the zone: nothing smaller than the project has it.
resource "google_project_iam_custom_role" "operation_reader" {
  project     = var.project
  role_id     = "fitOperationReader"
  title       = "Sees whether a change of a machine is done"
  permissions = ["compute.zoneOperations.get"]
}

resource "google_project_iam_member" "deployer_waits" {
  project = var.project
  role    = google_project_iam_custom_role.operation_reader.name
  member  = google_service_account.of["deployer"].member
}
