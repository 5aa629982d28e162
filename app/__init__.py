"""zeus-relay: receives the payment notices of Zeus and forwards each as one signed webhook."""
