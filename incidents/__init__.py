"""What an incident is: frozen values and pure decisions. No await, no clock, no IO."""
