"""Maps for agents: tools with schemas, a server that speaks the Model Context Protocol, a skill to read first."""
