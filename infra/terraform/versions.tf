# Which Terraform and provider, and where the state is. The bucket of the state is made by hand once: docs/deploy.md.
terraform {
  required_version = ">= 1.9"
  required_providers {
    google = {
      source  = "hashicorp/google"
      version = "~> 8.7"
    }
  }
  backend "gcs" {
    prefix = "fit-platform"
  }
}

provider "google" {
  project               = var.project
  region                = var.region
  billing_project       = var.project
  user_project_override = true # the budget API wants to know whose quota it is
}

data "google_project" "this" {
  project_id = var.project
}
