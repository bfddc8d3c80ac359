"""The words of the house and its ports: values and abstract classes, nothing that does I/O."""
