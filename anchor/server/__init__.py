"""What stands between the network and the handlers: connections, their deadlines, and how often one may ask."""
