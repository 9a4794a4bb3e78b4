"""Static checks of what is deployed: template, roles, alarms, queues and bundles. Nothing is run but the handlers' imports."""
