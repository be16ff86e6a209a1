"""Physical models: linear motion models in continuous time, and the interacting-multiple-model filter over them."""
