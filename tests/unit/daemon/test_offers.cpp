// Which transports can be chosen, and what each asks of an administrator.
#include "daemon/transport/offer.h"

#include <QtTest>

#include <unistd.h>

using namespace coldscope;
using guard::Rights;

namespace {

using Works = std::vector<bool>; // fuse-blob, fuse-tree, fanotify, cachefiles, simulated

std::vector<Probe> probes(const Works& works, const std::string& reason) {
    std::vector<Probe> made;
    for (const TransportKind kind :
         {TransportKind::fuse_blob, TransportKind::fuse_tree, TransportKind::fanotify,
          TransportKind::cachefiles, TransportKind::simulated})
        made.push_back({kind, works[made.size()], reason});
    return made;
}

} // namespace

class TestOffers : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void an_ordinary_user() {
        const auto offers = offers_of(probes({false, true, false, false, true}, "alone"),
                                      probes({true, true, true, false, true}, "with a guard"));
        QCOMPARE(offers.size(), std::size_t{5});
        QVERIFY(offers[0].works && offers[0].rights == Rights::root);
        QVERIFY(offers[1].works && offers[1].rights == Rights::own);
        QVERIFY(offers[2].works && offers[2].rights == Rights::root_trusted);
        QVERIFY(!offers[3].works && offers[3].rights == Rights::own);
        QVERIFY(offers[4].works && offers[4].rights == Rights::own);
        QCOMPARE(offers[0].reason, std::string("with a guard"));
        QCOMPARE(offers[1].reason, std::string("alone"));
        QCOMPARE(offers[3].reason, std::string("with a guard")); // no guard helps
        QCOMPARE(best_alone(offers), &offers[1]);
    }
    // Whom nobody needs to ask.
    void root() {
        const auto all = probes({true, true, true, true, true}, "alone");
        const auto offers = offers_of(all, all);
        for (const Offer& offer : offers)
            QVERIFY(offer.works && offer.rights == Rights::own);
        QCOMPARE(best_alone(offers), offers.data());
    }
    // Without /dev/fuse.
    void the_simulated_kernel_is_left() {
        const auto offers = offers_of(probes({false, false, false, true, true}, ""),
                                      probes({true, false, false, true, true}, ""));
        QCOMPARE(best_alone(offers), &offers[4]);
        const auto none = probes({false, false, false, false, false}, "");
        QVERIFY(best_alone(offers_of(none, none)) == nullptr);
    }
    void what_is_shared_asks_for_more() {
        QVERIFY(rights_for(TransportKind::fuse_blob) == Rights::root);
        QVERIFY(rights_for(TransportKind::fuse_blob, true) == Rights::root_trusted);
        QVERIFY(rights_for(TransportKind::fanotify) == Rights::root_trusted);
        QVERIFY(rights_for(TransportKind::cachefiles) == Rights::root_trusted);
        QVERIFY(rights_for(TransportKind::fuse_tree, true) == Rights::own);
        QVERIFY(rights_for(TransportKind::simulated) == Rights::own);
    }
    // What the machine says fits itself, whatever it is.
    void this_machine() {
        const auto here = offers();
        const auto alone = probe_transports();
        QCOMPARE(here.size(), alone.size());
        for (std::size_t i = 0; i < here.size(); ++i) {
            QVERIFY(here[i].kind == alone[i].kind);
            QVERIFY(!here[i].reason.empty());
            QCOMPARE(here[i].works && here[i].rights == Rights::own, alone[i].works);
            QVERIFY(here[i].rights == Rights::own || geteuid() != 0);
        }
    }
};

QTEST_GUILESS_MAIN(TestOffers)
#include "test_offers.moc"
