# What differs from one installation to the next. Names of datasets and secrets follow the settings of the same name.
variable "project" {
  description = "Google Cloud project; FIT_GCP_PROJECT."
  type        = string
}

variable "region" {
  description = "Where machines, services and buckets are."
  type        = string
  default     = "europe-west1"
}

variable "zone" {
  description = "Zone of the orchestrator, in `region`."
  type        = string
  default     = "europe-west1-b"
}

variable "bigquery_location" {
  description = "Where datasets are; FIT_BIGQUERY_LOCATION. A dataset cannot be moved."
  type        = string
  default     = "EU"
}

variable "dataset_prefix" {
  description = "Stands before each dataset's name; FIT_BIGQUERY_DATASET_PREFIX."
  type        = string
  default     = "fit_"
  validation {
    condition     = can(regex("^[A-Za-z0-9_]*$", var.dataset_prefix))
    error_message = "Letters, digits and _ only."
  }
}

variable "secret_prefix" {
  description = "Stands before the names of the secrets that hold athletes' tokens; FIT_SECRET_PREFIX. The orchestrator may do everything with secrets of that name: no other secret of the project may begin with it."
  type        = string
  default     = "fit"
  validation {
    condition     = can(regex("^[A-Za-z][A-Za-z0-9_-]{0,40}$", var.secret_prefix)) && !startswith("${var.secret_prefix}-", "platform-")
    error_message = "A letter, then letters, digits, _ and -; and not `platform`, which stands before the secrets that others read."
  }
}

variable "strava_api_retention_days" {
  description = "FIT_STRAVA_API_RETENTION_DAYS: a number of days, or `keep`. There is no default on purpose."
  type        = string
  validation {
    condition     = var.strava_api_retention_days == "keep" || can(regex("^[1-9][0-9]*$", var.strava_api_retention_days))
    error_message = "Say `keep` or a number of days."
  }
}

variable "client_ids" {
  description = "Ids of your API clients; FIT_POLAR_CLIENT_ID and so on. The secrets go to Secret Manager."
  type        = object({ polar = optional(string, ""), strava = optional(string, ""), fitbit = optional(string, "") })
  default     = {}
}

variable "image" {
  description = "The platform's image with its tag or digest. CI replaces it later; Terraform then leaves it alone."
  type        = string
}

variable "github_repository" {
  description = "`owner/name` of the repository whose main branch may deploy."
  type        = string
}

variable "alert_email" {
  description = "Who is told when something is wrong."
  type        = string
}

variable "billing_account" {
  description = "Billing account of the budget; empty: no budget."
  type        = string
  default     = ""
}

variable "monthly_budget" {
  description = "Budget in the billing account's currency, whole units."
  type        = number
  default     = 100
}

variable "bi_readers" {
  description = "Who may use the BI reader: `user:ada@example.org`, `group:...`."
  type        = list(string)
  default     = []
}

variable "people" {
  description = "Who may open the dashboard and the Dagster UI: `user:ada@example.org`, `group:...`. Never allUsers."
  type        = list(string)
  default     = []
  validation {
    condition     = length(setintersection(var.people, ["allUsers", "allAuthenticatedUsers"])) == 0
    error_message = "The Dagster UI has no sign-in of its own: name people or groups."
  }
}

variable "has_strava_signing_key" {
  description = "Did Strava give you a webhook signing key, and is it in the secret platform-strava-webhook-signing-key?"
  type        = bool
  default     = false
}

variable "settings" {
  description = "More settings of the orchestrator, by their names in docs/reference.md: { FIT_ALERT_EMAIL_TO = \"...\" }."
  type        = map(string)
  default     = {}
}
