# What a person is told by mail when it goes wrong, beside the platform's own alerts (FIT_ALERT_...), which die with it.
resource "google_monitoring_notification_channel" "mail" {
  project      = var.project
  display_name = "fit-platform"
  type         = "email"
  labels       = { email_address = var.alert_email }
}

resource "google_monitoring_uptime_check_config" "receiver" {
  project      = var.project
  display_name = "fit-receiver"
  timeout      = "10s"
  period       = "300s"

  http_check {
    path         = "/health" # Cloud Run keeps paths that end in z to itself
    port         = 443
    use_ssl      = true
    validate_ssl = true
  }

  monitored_resource {
    type = "uptime_url"
    labels = {
      project_id = var.project
      host       = trimprefix(google_cloud_run_v2_service.receiver.uri, "https://")
    }
  }
}

# Each of the daemon's threads writes a heartbeat; Dagster says so in its log when one is missing.
resource "google_logging_metric" "daemon_trouble" {
  project = var.project
  name    = "fit/daemon_trouble"
  filter  = "resource.type=\"gce_instance\" AND jsonPayload.message=~\"dagster.daemon.*(ERROR|Traceback|heartbeat)\""
  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"
  }
}

locals {
  alerts = {
    "Receiver does not answer" = {
      what    = "Webhooks are lost while it does not; the 15-minute look still finds the changes. See the logs of fit-receiver."
      filter  = "metric.type=\"monitoring.googleapis.com/uptime_check/check_passed\" AND resource.type=\"uptime_url\" AND metric.label.check_id=\"${google_monitoring_uptime_check_config.receiver.uptime_check_id}\""
      aligner = "ALIGN_FRACTION_TRUE", reducer = "REDUCE_MEAN", comparison = "COMPARISON_LT", threshold = 0.5, seconds = 600
    }
    "Receiver answers 5xx" = {
      what    = "The inbox could not be written: look at the bucket and at the receiver's rights."
      filter  = "metric.type=\"run.googleapis.com/request_count\" AND resource.type=\"cloud_run_revision\" AND resource.label.service_name=\"fit-receiver\" AND metric.label.response_code_class=\"5xx\""
      aligner = "ALIGN_RATE", reducer = "REDUCE_SUM", comparison = "COMPARISON_GT", threshold = 0.01, seconds = 300
    }
    "Receiver is slow" = {
      what    = "Strava gives an answer two seconds, and gives up after three tries."
      filter  = "metric.type=\"run.googleapis.com/request_latencies\" AND resource.type=\"cloud_run_revision\" AND resource.label.service_name=\"fit-receiver\""
      aligner = "ALIGN_PERCENTILE_99", reducer = "REDUCE_MAX", comparison = "COMPARISON_GT", threshold = 1500, seconds = 900
    }
    # A stopped machine sends no figure that could be too low: what tells is that there is none.
    "Orchestrator is silent" = {
      what    = "The machine of the daemon and the code server tells nothing of itself: it is stopped or gone, and nothing is pulled. Look at its serial console."
      filter  = "metric.type=\"compute.googleapis.com/instance/cpu/utilization\" AND resource.type=\"gce_instance\" AND metadata.system_labels.name=\"fit-orchestrator\""
      aligner = "ALIGN_MEAN", reducer = "REDUCE_MEAN", comparison = "ABSENT", threshold = 0, seconds = 900
    }
    "Daemon is in trouble" = {
      what    = "Dagster's daemon logs errors: schedules and sensors may stand still. docker logs fit-daemon."
      filter  = "metric.type=\"logging.googleapis.com/user/${google_logging_metric.daemon_trouble.name}\" AND resource.type=\"gce_instance\""
      aligner = "ALIGN_SUM", reducer = "REDUCE_SUM", comparison = "COMPARISON_GT", threshold = 5, seconds = 600
    }
    "Dagster's database is full" = {
      what    = "Its disk grows by itself and could not. Ticks are forgotten by age, runs and their events are not: delete old runs in the Dagster UI."
      filter  = "metric.type=\"cloudsql.googleapis.com/database/disk/utilization\" AND resource.type=\"cloudsql_database\" AND resource.label.database_id=\"${var.project}:${google_sql_database_instance.dagster.name}\""
      aligner = "ALIGN_MEAN", reducer = "REDUCE_MAX", comparison = "COMPARISON_GT", threshold = 0.9, seconds = 1800
    }
  }
}

resource "google_monitoring_alert_policy" "of" {
  for_each              = local.alerts
  project               = var.project
  display_name          = "fit-platform: ${each.key}"
  combiner              = "OR"
  notification_channels = [google_monitoring_notification_channel.mail.id]

  documentation {
    content   = each.value.what
    mime_type = "text/markdown"
  }

  conditions {
    display_name = each.key
    dynamic "condition_threshold" {
      for_each = each.value.comparison == "ABSENT" ? [] : [each.value]
      content {
        filter          = condition_threshold.value.filter
        comparison      = condition_threshold.value.comparison
        threshold_value = condition_threshold.value.threshold
        duration        = "${condition_threshold.value.seconds}s"
        aggregations {
          alignment_period     = "300s"
          per_series_aligner   = condition_threshold.value.aligner
          cross_series_reducer = condition_threshold.value.reducer
        }
      }
    }
    dynamic "condition_absent" {
      for_each = each.value.comparison == "ABSENT" ? [each.value] : []
      content {
        filter   = condition_absent.value.filter
        duration = "${condition_absent.value.seconds}s"
        aggregations {
          alignment_period     = "300s"
          per_series_aligner   = condition_absent.value.aligner
          cross_series_reducer = condition_absent.value.reducer
        }
      }
    }
  }
}

resource "google_billing_budget" "monthly" {
  count           = var.billing_account == "" ? 0 : 1
  billing_account = var.billing_account
  display_name    = "fit-platform"

  budget_filter {
    projects = ["projects/${data.google_project.this.number}"]
  }

  amount {
    specified_amount {
      units = tostring(var.monthly_budget)
    }
  }

  dynamic "threshold_rules" {
    for_each = [0.5, 0.9, 1.0]
    content {
      threshold_percent = threshold_rules.value
    }
  }

  all_updates_rule {
    monitoring_notification_channels = [google_monitoring_notification_channel.mail.id]
  }
}
