# What the next steps of docs/deploy.md ask for.
output "receiver_url" {
  description = "FIT_WEBHOOK_URL: what the providers are told."
  value       = google_cloud_run_v2_service.receiver.uri
}

output "workload_identity_provider" {
  description = "Repository variable WORKLOAD_IDENTITY_PROVIDER."
  value       = google_iam_workload_identity_pool_provider.github.name
}

output "deployer" {
  description = "Repository variable DEPLOYER."
  value       = google_service_account.of["deployer"].email
}

output "image_repository" {
  description = "Where images go."
  value       = "${var.region}-docker.pkg.dev/${var.project}/${google_artifact_registry_repository.images.repository_id}"
}
