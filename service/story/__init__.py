"""What is known of an incident, told for people: shared by the console and Slack, so that they never disagree."""
