import os

from twisted.internet import reactor
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site

FILLING = b"." * 1000


class Page(Resource):
    isLeaf = True

    def render_GET(self, request):
        first = b"%d\n%s" % (os.getpid(), FILLING)
        request.setHeader(b"content-length", b"%d" % (len(first) + 5))
        request.write(first)
        later = reactor.callLater(0.005, self.finish, request)
        request.notifyFinish().addErrback(lambda _: later.active() and later.cancel())
        return NOT_DONE_YET

    def finish(self, request):
        request.write(b"\nend\n")
        request.finish()


class QuietSite(Site):
    noisy = False

    def log(self, request):
        pass


site = QuietSite(Page())
