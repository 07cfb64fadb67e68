package point

import "bytes"

// Decode reads a cloud file: PCD, PLY, OFF, NumPy's npy, and otherwise text, told
// apart by how they begin. An OFF mesh becomes [MeshPoints] points on its surface,
// spread with random numbers of seed. The cloud has at least one point, and all are
// finite. Its parts are empty.
func Decode(file []byte, seed uint64, dst *Cloud) error {
	dst.clear()
	if err := decode(file, seed, dst); err != nil {
		return err
	}
	return dst.check()
}

func decode(file []byte, seed uint64, dst *Cloud) error {
	begins := func(magic string) bool { return bytes.HasPrefix(file, []byte(magic)) }
	switch {
	case begins(npyMagic):
		return decodeNPY(file, dst)
	case begins("ply\n"), begins("ply\r\n"):
		return decodePLY(file, dst)
	case begins("OFF"), begins("COFF"), begins("NOFF"), begins("CNOFF"):
		return decodeOFF(file, seed, dst)
	case begins("# .PCD"), begins("VERSION"), begins("FIELDS"):
		return decodePCD(file, dst)
	}
	return decodeText(file, dst)
}
