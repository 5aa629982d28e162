"""Operating: what an operator can see and do. API, command line and console are thin skins over these reads and actions."""
