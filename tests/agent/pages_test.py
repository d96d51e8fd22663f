"""The pages that tell how to use the array, command for command."""
import os

from case import Case
from support import array, document

DOCS = os.path.join(array.ROOT, "docs")


class PagesTest(Case):
    def run_page(self, name, ashlar):
        """In the folder of an array, with its state in `var`. Whoever runs this may know other arrays: home is elsewhere."""
        document.Page(os.path.join(DOCS, name)).run(ashlar.folder, {"HOME": ashlar.folder, "XDG_CONFIG_HOME": ashlar.folder})

    def place(self):
        """An array as the pages assume it, not started."""
        ashlar = self.begin(start=False, port=8443, state="var")
        self.addCleanup(array.run, "umount", "-l", os.path.join(ashlar.state, "pool"), check=False)
        return ashlar

    def test_tour(self):
        self.run_page("tour.md", self.place())

    def test_api(self):
        self.run_page("api.md", self.place().start())
