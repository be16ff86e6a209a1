"""The console command `physical-ai`: a composition root over every room, and the demo."""
