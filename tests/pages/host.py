"""The site on a server of its own, that packs what it sends as any host of static pages does."""

from __future__ import annotations

import gzip
import http.server
import mimetypes
import threading
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

PACKED = {".html", ".css", ".js", ".svg", ".json", ".txt", ".xml"}


@cache
def sent(path: Path) -> tuple[bytes, bool]:
    """Return what goes over the line for a file, and whether it is packed."""
    body = path.read_bytes()
    return (gzip.compress(body, 6, mtime=0), True) if path.suffix in PACKED else (body, False)


def serve(folder: Path) -> tuple[http.server.ThreadingHTTPServer, str]:
    """Start the server; return it and its address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = (folder / unquote(urlsplit(self.path).path).lstrip("/")).resolve()
            path = path / "index.html" if path.is_dir() else path
            if not path.is_relative_to(folder) or not path.exists():
                self.send_error(404)
                return
            body, packed = sent(path)
            self.send_response(200)
            self.send_header("Content-Type", mimetypes.guess_type(path.name)[0] or "text/plain")
            self.send_header("Content-Length", str(len(body)))
            if packed:
                self.send_header("Content-Encoding", "gzip")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, f"http://127.0.0.1:{server.server_port}"
