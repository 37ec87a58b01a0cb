"""Taking alerts in: from the body of a webhook to committed alerts in an incident."""
