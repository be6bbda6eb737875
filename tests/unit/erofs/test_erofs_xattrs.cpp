#include "tests/support/image_writer.h"
#include "tests/unit/erofs/erofs_test.h"

using namespace coldscope;
using namespace coldscope::erofs;
using namespace coldscope::test;

namespace {

BuiltImage build(std::uint32_t bits, FileSpec spec) {
    ImageBuilder builder(bits);
    builder.add_prefix(1, "long.prefix.").add_prefix(4, "overlay.");
    spec.path = "/f";
    builder.add(std::move(spec));
    return builder.build();
}

Result<std::vector<Xattr>> read(const BuiltImage& built) {
    const auto image = open(built);
    return image->xattrs(value(image->find("/f")));
}

} // namespace

class TestErofsXattrs : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void none() { QVERIFY(value(read(build(12, {}))).empty()); }

    void every_kind() {
        FileSpec spec;
        spec.shared_xattrs = {{"user.shared", "s"}, {"security.selinux", "context"}};
        spec.xattrs = {{"user.a", "1"},
                       {"user.long.prefix.b", "22"},
                       {"trusted.overlay.opaque", "y"},
                       {"system.posix_acl_access", std::string("\0\1\2", 3)},
                       {"user.empty", ""},
                       {"lustre.x", "z"}};
        for (const std::uint32_t bits : {9U, 12U, 16U}) {
            for (const bool extended : {false, true}) {
                spec.extended = extended;
                const auto found = value(read(build(bits, spec)));
                QCOMPARE(found.size(), 8U);
                for (std::size_t i = 0; i < found.size(); ++i) {
                    const auto& wanted = i < 2 ? spec.shared_xattrs[i] : spec.xattrs[i - 2];
                    QCOMPARE(found[i].name, wanted.first);
                    QCOMPARE(found[i].value, wanted.second);
                    QCOMPARE(found[i].shared, i < 2);
                }
            }
        }
    }

    void large_values() {
        FileSpec spec;
        spec.layout = Layout::flat_plain;
        spec.xattrs = {{"user.large", std::string(65000, 'x')},
                       {"user.more", std::string(60000, 'y')}};
        const auto found = value(read(build(12, spec)));
        QCOMPARE(found.size(), 2U);
        QCOMPARE(found[0].value.size(), 65000U);
        QCOMPARE(found[1].value, std::string(60000, 'y'));
    }

    void entries_that_leave_their_area() {
        FileSpec spec;
        spec.xattrs = {{"user.a", "1"}};
        BuiltImage built = build(12, spec);
        const std::uint64_t area = built.inode.at("/f") + 32;
        put<std::uint16_t>(built.bytes, area + 12 + 2, 60000); // value size
        QCOMPARE(code_of(read(built)), Code::truncated);
        put<std::uint8_t>(built.bytes, area + 4, 200); // shared count
        QCOMPARE(code_of(read(built)), Code::corrupt);
    }

    void an_area_of_a_header_only() {
        FileSpec spec;
        spec.xattrs = {{"user.a", "1"}};
        BuiltImage built = build(12, spec);
        put<std::uint16_t>(built.bytes, built.inode.at("/f") + 2, 1);
        QCOMPARE(code_of(read(built)), Code::corrupt);
    }

    void unknown_prefixes() {
        FileSpec spec;
        spec.xattrs = {{"user.a", "1"}};
        BuiltImage built = build(12, spec);
        const std::uint64_t index = built.inode.at("/f") + 32 + 12 + 1;
        put<std::uint8_t>(built.bytes, index, 0x82); // long prefix 2 of 2
        QCOMPARE(code_of(read(built)), Code::corrupt);
        put<std::uint8_t>(built.bytes, index, 7);
        const auto bad = read(built);
        QCOMPARE(code_of(bad), Code::corrupt);
        QCOMPARE(bad.error().offset, index);
    }

    void shared_ids_outside() {
        FileSpec spec;
        spec.shared_xattrs = {{"user.a", "1"}};
        BuiltImage built = build(12, spec);
        put<std::uint32_t>(built.bytes, built.inode.at("/f") + 32 + 12, 0xFFFFFFFF);
        QCOMPARE(code_of(read(built)), Code::truncated);
    }

    void a_bad_prefix_table() {
        FileSpec spec;
        spec.xattrs = {{"user.a", "1"}};
        BuiltImage built = build(12, spec);
        put<std::uint32_t>(built.bytes, 1024 + 92, 0x3FFFFFFF);
        built.fix_checksum();
        QCOMPARE(code_of(read(built)), Code::truncated);
    }

    // Without the "plain" flag, the table is in the packed inode.
    void prefixes_in_the_packed_inode() {
        ImageBuilder builder;
        builder.add_prefix(1, "long.prefix.");
        FileSpec packed;
        packed.path = "/packed";
        packed.data = to_bytes(std::string("....\x05\x00\x01with", 11)); // at byte 4, unit 1
        builder.add(packed);
        FileSpec spec;
        spec.path = "/f";
        spec.xattrs = {{"user.long.prefix.b", "22"}};
        builder.add(spec);
        BuiltImage built = builder.build();
        put<std::uint32_t>(built.bytes, 1024 + 8, compat::checksum);
        put<std::uint32_t>(built.bytes, 1024 + 92, 1);
        put<std::uint64_t>(built.bytes, 1024 + 96, built.nids.at("/packed"));
        built.fix_checksum();
        QCOMPARE(value(read(built))[0].name, std::string("user.withb"));
    }
};

QTEST_APPLESS_MAIN(TestErofsXattrs)
#include "test_erofs_xattrs.moc"
