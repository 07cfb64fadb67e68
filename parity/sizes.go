package parity

import "encoding/json"

// sizes are lengths along the dimensions of a grid or kernel; meta gives one
// number where all are alike.
type sizes []int

// UnmarshalJSON accepts a number or a list.
func (s *sizes) UnmarshalJSON(text []byte) error {
	var one int
	if json.Unmarshal(text, &one) == nil {
		*s = sizes{one}
		return nil
	}
	return json.Unmarshal(text, (*[]int)(s))
}

// grid is rows and columns.
func (s sizes) grid() [2]int { return [2]int{s[0], s[len(s)-1]} }

// volume is time, height, width; time is 1 where only a picture's are given.
func (s sizes) volume() [3]int {
	if len(s) == 3 {
		return [3]int(s)
	}
	return [3]int{1, s[0], s[len(s)-1]}
}
