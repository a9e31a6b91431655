"""Does nothing but import."""

import asyncio  # noqa: F401
import concurrent.futures.process  # noqa: F401
import email.mime.multipart  # noqa: F401
import http.server  # noqa: F401
import multiprocessing.pool  # noqa: F401
import sqlite3  # noqa: F401
import unittest.mock  # noqa: F401
import xml.dom.minidom  # noqa: F401
import xmlrpc.client  # noqa: F401
