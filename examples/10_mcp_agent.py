"""An agent asks a map through the Model Context Protocol: the server is a process, the client is the official one.

python 10_mcp_agent.py

Needs `pip install "cogmap[serve]"`. An agent's model would choose the calls; here they are written down.
"""

import asyncio
import json
import sys
from pathlib import Path

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

import cogmap


async def main() -> None:
    """Start the server on a folder of maps and call three tools."""
    server = StdioServerParameters(command=sys.executable, args=["-m", "cogmap", "serve", "rooms"])
    async with stdio_client(server) as streams, ClientSession(*streams) as session:
        await session.initialize()
        tools = await session.list_tools()
        print(len(tools.tools), "tools:", ", ".join(t.name for t in tools.tools[:8]), "...")
        for name, arguments in [
            ("count", {"label": "chair"}),
            ("nearest", {"to": "table_1", "k": 2}),
            ("route", {"a": "bed_1", "b": "desk_1", "radius": 0.2}),
        ]:
            reply = await session.call_tool(name, arguments)
            print(name, arguments, "->", json.loads(reply.content[0].text)["sentence"])


place = Path("cogmap-sample")
if not place.exists():
    cogmap.write_sample(place)
if not Path("rooms/room.cogmap").exists():
    cogmap.build(place / "scan", labeler=f"recorded:{place / 'masks'}").save("rooms/room.cogmap")
asyncio.run(main())
