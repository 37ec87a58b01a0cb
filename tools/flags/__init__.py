"""Feature flags that are switched while a program runs. Spoken to in the admin API of Unleash."""
