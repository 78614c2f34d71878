"""A scripted upstream for what the simulator does not do: any bytes, cut anywhere."""
import asyncio
import re
import threading


class ScriptedUpstream:
    """Listens on 127.0.0.1 in a thread of its own. `script(body, write)` is awaited for each request; it
    writes the answer, head included, with `await write(bytes)`. It returns False to close the connection."""

    def __init__(self, script):
        self._script = script
        self._loop = asyncio.new_event_loop()
        ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(ready,), daemon=True)
        self._thread.start()
        ready.wait(10)
        self.address = "127.0.0.1:%d" % self._server.sockets[0].getsockname()[1]
        self.url = f"http://{self.address}/v1"

    def _run(self, ready):
        asyncio.set_event_loop(self._loop)

        async def start():
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=1 << 22)
            ready.set()

        self._loop.run_until_complete(start())
        self._loop.run_forever()

    def stop(self):
        async def finish():
            self._server.close()
            serving = asyncio.all_tasks() - {asyncio.current_task()}
            for task in serving:
                task.cancel()
            await asyncio.gather(*serving, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(finish(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    async def _serve(self, reader, writer):
        async def write(data):
            writer.write(data)
            await writer.drain()

        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = re.search(rb"\r\ncontent-length: *(\d+)", head, re.I)
                body = await reader.readexactly(int(length[1]) if length else 0)
                if await self._script(body, write) is False:
                    return
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
