// Digests against those that other programs make.
#include "core/base/hex.h"
#include "core/rafs/digest.h"

#include <QCryptographicHash>
#include <QtTest>

using namespace coldscope;

namespace {

std::vector<std::byte> counted(std::size_t size) {
    std::vector<std::byte> bytes(size);
    for (std::size_t i = 0; i < size; ++i)
        bytes[i] = static_cast<std::byte>(i % 251);
    return bytes;
}

} // namespace

class TestRafsDigest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    // As b3sum 1.3 has them, for bytes that count to 250 again and again.
    void blake3_data() {
        QTest::addColumn<int>("size");
        QTest::addColumn<QString>("digest");
        struct Known {
            int size;
            const char* digest;
        };
        static constexpr Known known[]{
            {0, "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"},
            {1, "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213"},
            {1023, "10108970eeda3eb932baac1428c7a2163b0e924c9a9e25b35bba72b28f70bd11"},
            {1024, "42214739f095a406f3fc83deb889744ac00df831c10daa55189b5d121c855af7"},
            {1025, "d00278ae47eb27b34faecf67b4fe263f82d5412916c1ffd97c8cb7fb814b8444"},
            {2048, "e776b6028c7cd22a4d0ba182a8bf62205d2ef576467e838ed6f2529b85fba24a"},
            {2049, "5f4d72f40d7a5f82b15ca2b2e44b1de3c2ef86c426c95c1af0b6879522563030"},
            {3072, "b98cb0ff3623be03326b373de6b9095218513e64f1ee2edd2525c7ad1e5cffd2"},
            {3073, "7124b49501012f81cc7f11ca069ec9226cecb8a2c850cfe644e327d22d3e1cd3"},
            {4096, "015094013f57a5277b59d8475c0501042c0b642e531b0a1c8f58d2163229e969"},
            {4097, "9b4052b38f1c5fc8b1f9ff7ac7b27cd242487b3d890d15c96a1c25b8aa0fb995"},
            {5120, "9cadc15fed8b5d854562b26a9536d9707cadeda9b143978f319ab34230535833"},
            {5121, "628bd2cb2004694adaab7bbd778a25df25c47b9d4155a55f8fbd79f2fe154cff"},
            {8192, "aae792484c8efe4f19e2ca7d371d8c467ffb10748d8a5a1ae579948f718a2a63"},
            {8193, "bab6c09cb8ce8cf459261398d2e7aef35700bf488116ceb94a36d0f5f1b7bc3b"},
            {31744, "62b6960e1a44bcc1eb1a611a8d6235b6b4b78f32e7abc4fb4c6cdcce94895c47"},
            {102400, "bc3e3d41a1146b069abffad3c0d44860cf664390afce4d9661f7902e7943e085"},
        };
        for (const Known& one : known)
            QTest::addRow("%d bytes", one.size) << one.size << one.digest;
    }
    void blake3() {
        QFETCH(int, size);
        QFETCH(QString, digest);
        const rafs::Digest made =
            rafs::digest_of(rafs::Digester::blake3, counted(static_cast<std::size_t>(size)));
        QCOMPARE(QString::fromStdString(hex(made)), digest);
    }

    void sha256() {
        for (const std::size_t size : {0U, 1U, 63U, 64U, 100'000U}) {
            const auto bytes = counted(size);
            const rafs::Digest made = rafs::digest_of(rafs::Digester::sha256, bytes);
            const QByteArray raw(reinterpret_cast<const char*>(bytes.data()),
                                 static_cast<qsizetype>(size));
            QCOMPARE(QByteArray::fromStdString(hex(made)),
                     QCryptographicHash::hash(raw, QCryptographicHash::Sha256).toHex());
        }
    }
};

QTEST_GUILESS_MAIN(TestRafsDigest)
#include "test_rafs_digest.moc"
