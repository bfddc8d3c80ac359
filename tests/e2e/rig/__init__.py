"""What the end-to-end tests are made with: gateways as processes, upstreams and labs in a thread, raw clients."""
