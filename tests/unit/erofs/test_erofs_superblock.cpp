#include "core/erofs/crc32c.h"
#include "core/erofs/device.h"
#include "tests/support/image_writer.h"
#include "tests/unit/erofs/erofs_test.h"

using namespace coldscope;
using namespace coldscope::erofs;
using namespace coldscope::test;

class TestErofsSuperblock : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void crc() {
        const Bytes bytes = to_bytes("123456789");
        QCOMPARE(crc32c(~0U, bytes) ^ ~0U, 0xE3069283U); // the standard check value
    }

    void fields() {
        const BuiltImage built = sample_image(12);
        const Superblock super = value(read_superblock(*built.primary()));
        QCOMPARE(super.block_size(), 4096U);
        QCOMPARE(super.blocks, built.bytes.size() / 4096);
        QCOMPARE(super.epoch, ImageBuilder::epoch);
        QCOMPARE(super.volume_name, std::string("built"));
        QCOMPARE(super.uuid_text(), std::string("a0a1a2a3-a4a5-a6a7-a8a9-aaabacadaeaf"));
        QCOMPARE(super.extra_devices, 2);
        QCOMPARE(super.root_nid, built.nids.at("/"));
        QVERIFY(super.has(incompat::device_table));
        QVERIFY(super.has_compat(compat::checksum));
    }

    void no_magic() {
        BuiltImage built = sample_image(12);
        put<std::uint32_t>(built.bytes, 1024, 0);
        QCOMPARE(code_of(read_superblock(*built.primary())), Code::not_erofs);
        built.bytes.resize(100);
        QCOMPARE(code_of(read_superblock(*built.primary())), Code::not_erofs);
    }

    void truncated() {
        BuiltImage built = sample_image(12);
        built.bytes.resize(1100);
        QCOMPARE(code_of(read_superblock(*built.primary())), Code::truncated);
        built.bytes.resize(2000); // all fields, but not all that the checksum covers
        QCOMPARE(code_of(read_superblock(*built.primary())), Code::truncated);
    }

    void checksum() {
        for (const std::uint32_t bits : {9U, 10U, 12U, 16U}) {
            BuiltImage built = sample_image(bits);
            QVERIFY(read_superblock(*built.primary()));
            built.bytes[1100] ^= std::byte{1};
            const auto damaged = read_superblock(*built.primary());
            QCOMPARE(code_of(damaged), Code::checksum);
            QCOMPARE(damaged.error().offset, 1028U);
            Findings findings;
            QVERIFY(read_superblock(*built.primary(), &findings));
            QCOMPARE(findings.errors(), 1U);
        }
    }

    void block_sizes() {
        BuiltImage built = sample_image(12);
        for (const int bits : {0, 8, 17, 255}) {
            put<std::uint8_t>(built.bytes, 1036, static_cast<std::uint8_t>(bits));
            QCOMPARE(code_of(read_superblock(*built.primary())), Code::corrupt);
        }
    }

    void unknown_features_are_named() {
        BuiltImage built = sample_image(12);
        put<std::uint32_t>(built.bytes, 1024 + 80, 0x8000204);
        built.fix_checksum();
        const auto refused = read_superblock(*built.primary());
        QCOMPARE(code_of(refused), Code::unsupported);
        QVERIFY(refused.error().context.find("bit 0x200") != std::string::npos);
        QVERIFY(refused.error().context.find("bit 0x8000000") != std::string::npos);
        QVERIFY(refused.error().context.find("chunked") == std::string::npos);
        put<std::uint32_t>(built.bytes, 1024 + 80, 0x7F & ~0x10U); // compression: known, unread
        built.fix_checksum();
        QVERIFY(read_superblock(*built.primary()));
    }

    void devices() {
        const BuiltImage built = sample_image(12);
        const auto image = open(built);
        QCOMPARE(image->devices().size(), 2U);
        const Device& device = image->devices()[1];
        QCOMPARE(device.tag, std::string("blob-two"));
        QCOMPARE(device.blocks * 4096, built.blobs[1].size());
        QCOMPARE(device.slot_offset, 1152U + 128U);
    }

    void device_table_past_the_end() {
        BuiltImage built = sample_image(12);
        put<std::uint16_t>(built.bytes, 1024 + 86, 60000);
        built.fix_checksum();
        QCOMPARE(code_of(Image::open(built.primary())), Code::truncated);
    }

    void overlapping_devices() {
        BuiltImage built = sample_image(12);
        put<std::uint32_t>(built.bytes, 1152 + 128 + 68, (1U << 16) + 1);
        built.fix_checksum();
        const auto refused = Image::open(built.primary());
        QCOMPARE(code_of(refused), Code::corrupt);
        QCOMPARE(refused.error().offset, 1152U + 128U + 68U);
        Findings findings;
        QVERIFY(Image::open(built.primary(), &findings));
        QCOMPARE(findings.errors(), 1U);
    }

    void unified_addresses() {
        Superblock super;
        super.block_bits = 12;
        const std::vector<Device> devices{{"a", 10, 100, 0}, {"b", 5, 0, 0}, {"c", 20, 110, 0}};
        const DeviceResolver resolver(super, devices);
        QCOMPARE(resolver.id_mask(), 3);
        const auto place = [&](std::uint64_t block) {
            return resolver.resolve(0, block * 4096 + 7);
        };
        QCOMPARE(place(99).device, 0);
        QCOMPARE(place(99).room, 4096U - 7);
        QCOMPARE(place(100).device, 1);
        QCOMPARE(place(100).address, 7U);
        QCOMPARE(place(109).room, 4096U - 7);
        QCOMPARE(place(110).device, 3);
        QCOMPARE(place(129).address, 19U * 4096 + 7);
        QCOMPARE(place(130).device, 0);
        QCOMPARE(resolver.resolve(2, 100 * 4096).device, 2); // an id is taken as it is
    }
};

QTEST_APPLESS_MAIN(TestErofsSuperblock)
#include "test_erofs_superblock.moc"
