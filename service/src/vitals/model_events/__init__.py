"""What a model's answers, calls and labels leave in telemetry: events, spans and histograms named `ml.*`."""
