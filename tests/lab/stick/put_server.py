# SPDX-License-Identifier: GPL-2.0-only
"""A web server that takes PUT into the directory DIR, on any port, which it prints.

Usage: put_server.py DIR
"""
import http.server
import os
import sys


class Handler(http.server.BaseHTTPRequestHandler):
    def do_PUT(self):
        path = os.path.normpath(sys.argv[1] + self.path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(201)
        self.send_header("Content-Length", "0")
        self.end_headers()


server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
