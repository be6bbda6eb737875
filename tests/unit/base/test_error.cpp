#include "core/base/error.h"

#include <QTest>
#include <cerrno>
#include <set>

using namespace coldscope;

namespace {

Result<int> half(int value) {
    if (value % 2 != 0)
        return failure(Code::invalid, "odd", static_cast<std::uint64_t>(value));
    return value / 2;
}

Result<int> quarter(int value) {
    COLDSCOPE_TRY(const int once, half(value));
    COLDSCOPE_CHECK(half(once));
    COLDSCOPE_TRY(const int twice, half(once));
    return twice;
}

constexpr Code all_codes[] = {Code::io,      Code::not_erofs,   Code::truncated, Code::checksum,
                              Code::corrupt, Code::unsupported, Code::not_found, Code::invalid,
                              Code::busy,    Code::no_space,    Code::mismatch,  Code::cancelled};

} // namespace

class TestError : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void passed_on_by_the_macros() {
        QCOMPARE(quarter(12).value(), 3);
        QCOMPARE(quarter(7).error(), (Error{Code::invalid, 0, 7, "odd"}));
        QCOMPARE(quarter(6).error(), (Error{Code::invalid, 0, 3, "odd"}));
    }

    void errno_is_taken_at_once() {
        errno = EACCES;
        const Error error = system_error("cannot open").error();
        QCOMPARE(error, (Error{Code::io, EACCES, no_offset, "cannot open"}));
    }

    void codes_of_errnos() {
        const std::pair<int, Code> table[] = {{ENOSPC, Code::no_space}, {EDQUOT, Code::no_space},
                                              {EBUSY, Code::busy},      {ENOENT, Code::not_found},
                                              {EIO, Code::io},          {EACCES, Code::io}};
        for (const auto& [number, code] : table) {
            const Error error = system_error(number, "x", 5).error();
            QCOMPARE(error.code, code);
            QCOMPARE(error.sys_errno, number);
            QCOMPARE(error.offset, std::uint64_t{5});
        }
    }

    // A reader always gets a real errno: 0 would look like success.
    void errno_for_readers() {
        QCOMPARE(to_errno({Code::io, ETIMEDOUT, no_offset, ""}), ETIMEDOUT);
        QCOMPARE(to_errno({Code::not_found, 0, no_offset, ""}), ENOENT);
        QCOMPARE(to_errno({Code::unsupported, 0, no_offset, ""}), EOPNOTSUPP);
        QCOMPARE(to_errno({Code::invalid, 0, no_offset, ""}), EINVAL);
        QCOMPARE(to_errno({Code::busy, 0, no_offset, ""}), EBUSY);
        QCOMPARE(to_errno({Code::no_space, 0, no_offset, ""}), ENOSPC);
        for (const Code code : {Code::io, Code::not_erofs, Code::truncated, Code::checksum,
                                Code::corrupt, Code::mismatch, Code::cancelled})
            QCOMPARE(to_errno({code, 0, no_offset, ""}), EIO);
        QCOMPARE(to_errno({Code::io, -3, no_offset, ""}), EIO);
    }

    void descriptions() {
        QCOMPARE(describe({Code::truncated, 0, 4096, "chunk table ends early"}, "blob.img"),
                 std::string("blob.img: at byte 4096: chunk table ends early (truncated)"));
        QCOMPARE(describe({Code::truncated, 0, 0, "nothing there"}),
                 std::string("at byte 0: nothing there (truncated)"));
        QCOMPARE(describe({Code::io, EIO, no_offset, "cannot read"}),
                 std::string("cannot read: Input/output error (EIO)"));
        QCOMPARE(describe({Code::busy, 0, no_offset, "in use"}, "a"),
                 std::string("a: in use (busy)"));
    }

    void names_of_codes_differ() {
        std::set<std::string_view> names;
        for (const Code code : all_codes)
            names.insert(name(code));
        QCOMPARE(names.size(), std::size(all_codes));
        QVERIFY(!names.contains("unknown"));
        QCOMPARE(name(static_cast<Code>(200)), std::string_view("unknown"));
    }

    void errno_names() {
        QCOMPARE(errno_name(EIO), std::string("EIO"));
        QCOMPARE(errno_by_name("EIO"), EIO);
        QCOMPARE(errno_name(4000), std::string("errno 4000"));
        QCOMPARE(errno_name(0), std::string("errno 0"));
        for (const char* unknown : {"", "eio", "EI", "EIOO", "5"})
            QCOMPARE(errno_by_name(unknown), 0);
        // Every name leads back to its number, and no number has the name of another.
        int known = 0;
        for (int number = 1; number < 512; ++number) {
            const std::string name = errno_name(number);
            if (name.starts_with("errno "))
                continue;
            QCOMPARE(errno_by_name(name), number);
            ++known;
        }
        QVERIFY(known >= 40);
    }
};

QTEST_GUILESS_MAIN(TestError)
#include "test_error.moc"
