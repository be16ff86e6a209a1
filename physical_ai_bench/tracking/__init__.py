"""Tracking of people against ground truth: a crowd, a recorded run, CLEAR MOT scores, and another library's tracker."""
