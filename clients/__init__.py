"""What other programs call the API with: the committed OpenAPI document, its linters, and the generated clients."""
