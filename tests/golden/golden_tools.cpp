#include "tests/golden/golden_tools.h"

#include <QProcess>
#include <QStringList>
#include <cstdio>
#include <sstream>
#include <stdexcept>

namespace coldscope::golden {

namespace {

// QProcess takes arguments as text; bytes that are not UTF-8 go through a shell's variables.
// printf's octal escapes carry them unharmed.
std::string quoted(const std::string& bytes) {
    std::string text = "\"$(printf '";
    for (const char c : bytes) {
        char octal[8];
        std::snprintf(octal, sizeof octal, "\\%03o",
                      static_cast<unsigned>(static_cast<unsigned char>(c)));
        text += octal;
    }
    return text + "')\"";
}

bool plain(const std::string& text) {
    for (const char c : text) {
        if (c < ' ' || c > '~')
            return false;
    }
    return true;
}

} // namespace

Output run(const std::string& program, const std::vector<std::string>& arguments) {
    QProcess process;
    bool all_plain = true;
    for (const std::string& argument : arguments)
        all_plain = all_plain && plain(argument);
    QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
    environment.insert("TZ", "UTC0");
    process.setProcessEnvironment(environment);
    if (all_plain) {
        QStringList list;
        for (const std::string& argument : arguments)
            list << QString::fromStdString(argument);
        process.start(QString::fromStdString(program), list);
    } else {
        std::string command = "exec " + quoted(program);
        for (const std::string& argument : arguments)
            command += " " + quoted(argument);
        process.start("/bin/sh", {"-c", QString::fromStdString(command)});
    }
    Output output;
    if (!process.waitForFinished(60000))
        return output;
    output.exit_code = process.exitStatus() == QProcess::NormalExit ? process.exitCode() : -1;
    output.out = process.readAllStandardOutput().toStdString();
    output.err = process.readAllStandardError().toStdString();
    return output;
}

std::string erofs_tool(const std::string& name) {
    std::vector<std::string> candidates;
    const QString folder = qEnvironmentVariable("COLDSCOPE_EROFS_UTILS");
    if (!folder.isEmpty())
        candidates.push_back(folder.toStdString() + "/" + name);
    const std::string built_in = COLDSCOPE_EROFS_UTILS_DEFAULT;
    if (!built_in.empty())
        candidates.push_back(built_in + "/" + name);
    candidates.push_back(name);
    for (const std::string& candidate : candidates) {
        const Output version = run(candidate, {"--version"});
        if (version.exit_code == 0 && version.out.find(" 1.9") != std::string::npos)
            return candidate;
    }
    return {};
}

std::string coldscoped_bytes(const std::vector<std::string>& arguments) {
    Output output = run(COLDSCOPED_EXECUTABLE, arguments);
    if (output.exit_code != 0) {
        std::string command = "coldscoped";
        for (const std::string& argument : arguments)
            command += " " + argument;
        throw std::runtime_error(command + ": " + output.err);
    }
    return std::move(output.out);
}

nlohmann::json coldscoped_json(std::vector<std::string> arguments) {
    arguments.emplace_back("--json");
    return nlohmann::json::parse(coldscoped_bytes(arguments));
}

std::string from_hex(const std::string& text) {
    std::string bytes;
    for (std::size_t i = 0; i + 1 < text.size(); i += 2)
        bytes += static_cast<char>(std::stoi(text.substr(i, 2), nullptr, 16));
    return bytes;
}

std::string raw(const nlohmann::json& object, const std::string& key) {
    const auto hex = object.find(key + "_hex");
    return hex != object.end() ? from_hex(hex->get<std::string>())
                               : object.at(key).get<std::string>();
}

namespace {

// "Size: 3  On-disk size: 3  regular file" and its like: every "Word: value" of a line.
void take_fields(const std::string& line, std::map<std::string, std::string>& fields) {
    static const char* const names[] = {"Size",       "NID",        "Links", "Layout", "Uid",
                                        "Inode size", "Xattr size", "Gid",   "Access", "Timestamp"};
    for (const std::string name : names) {
        const std::size_t at = line.find(name + ": ");
        if (at == std::string::npos || (at != 0 && line[at - 1] != ' ') || fields.contains(name))
            continue;
        const std::size_t start = at + name.size() + 2;
        const std::size_t end = name == "Timestamp" ? line.size() : line.find(' ', start);
        fields[name] = line.substr(start, end - start);
    }
}

} // namespace

Dump dump_erofs(const std::string& image, const std::vector<std::string>& blobs,
                const std::string& path, bool directory, std::uint64_t offset) {
    std::vector<std::string> arguments{"--path=" + path, "-e"};
    if (offset != 0)
        arguments.push_back("--offset=" + std::to_string(offset));
    if (directory)
        arguments.emplace_back("--ls");
    for (const std::string& blob : blobs)
        arguments.push_back("--device=" + blob);
    arguments.push_back(image);
    static const std::string program = erofs_tool("dump.erofs");
    const Output output = run(program, arguments);
    if (output.exit_code != 0)
        throw std::runtime_error("dump.erofs " + path + ": " + output.err);
    Dump dump;
    std::istringstream lines(output.out);
    bool in_entries = false;
    for (std::string line; std::getline(lines, line);) {
        DumpExtent extent;
        unsigned long long numbers[6];
        unsigned long long device = 0;
        if (line.find("NID TYPE  FILENAME") != std::string::npos) {
            in_entries = true;
        } else if (line.starts_with(" Ext:") || line.empty()) {
            in_entries = in_entries && !line.starts_with(" Ext:");
        } else if (in_entries) {
            char nid[32];
            int type = 0;
            int used = 0;
            if (std::sscanf(line.c_str(), "%31s %d  %n", nid, &type, &used) == 2)
                dump.entries[line.substr(static_cast<std::size_t>(used))] = nid;
        } else if (std::sscanf(line.c_str(),
                               "%*d: %llu..%llu | %llu : %llu..%llu | %llu # device %llu",
                               &numbers[0], &numbers[1], &numbers[2], &numbers[3], &numbers[4],
                               &numbers[5], &device) >= 6) {
            dump.extents.push_back({numbers[0], numbers[2], numbers[3], numbers[5], device});
        } else if (!line.starts_with("Path :")) {
            take_fields(line, dump.fields);
        }
    }
    return dump;
}

} // namespace coldscope::golden
